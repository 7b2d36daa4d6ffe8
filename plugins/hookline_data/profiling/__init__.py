"""What the values of a table are like, in numbers that later data are compared with."""
