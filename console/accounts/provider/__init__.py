"""Sign-in by an identity provider (OpenID Connect): the protocol, and who may come in by it.

Read `provider_http`, then `provider`, `begun_sign_ins` and `provider_accounts`.
"""
