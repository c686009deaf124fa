"""What operators see of executions in the Step Functions console, on this machine.

It asks AWS's public APIs only, so it shows the local stack as well as one on AWS.
"""
