"""What ``/metrics`` says: counts kept of every ended study, and how things stand at the moment of asking."""
