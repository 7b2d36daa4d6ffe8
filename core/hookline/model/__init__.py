"""What things are: step, workflow, reference, task, artifact, run, plan, events. Standard library only."""
