"""Authentication of senders: tokens, the scopes that require one, and the integration check.

Reading order: token_table, new_tokens, tokens, enforcement, check_advice, integration_check,
code_samples.
"""
