"""The fleet decides: which workers run, who is asked to stop, what their ends mean for the others.

`step` is the only entrance for events, `state` what it makes of them; `signals` and `requests` take in what somebody
wants, `endings` who has ended.
"""
