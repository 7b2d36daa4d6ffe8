"""What every executor, store, serializer, digest, step and rewrite keeps, as test classes to inherit from.

A suite is imported from its module: ``from hookline.testing.contracts.executors import ExecutorContract``. A subclass
named ``Test…`` says what is tested, and pytest collects the rest.
"""
