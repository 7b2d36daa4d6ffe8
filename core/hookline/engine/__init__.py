"""How a run happens: plan, scheduler, dispatcher, retry, session."""
