"""Sign-in by an identity provider (OpenID Connect): the protocol, and who may come in by it.

Read `provider_http`, then `provider`, then `provider_sign_ins`.
"""
