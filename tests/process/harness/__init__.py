"""The process-level proof of Taicang: what the scripts in tests/process share.

Python 3.11 and its standard library only; the server is a black box behind its command line,
its S3 endpoint and its admin endpoint.
"""
