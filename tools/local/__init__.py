"""The whole system on this machine: `template.yaml` on MiniStack, the PayMongo sandbox, and a front
door in CloudFront's part. Every difference between MiniStack and AWS is handled in this folder.
"""
