"""Leads people to the identity provider to sign in, and takes them back."""

from console.accounts.attempts import TooManyAttempts, count_attempt, forgive_attempt
from console.accounts.login import origin_limits
from console.accounts.provider.begun_sign_ins import open_begun, seal_begun
from console.accounts.provider.provider import Provider, ProviderRefused
from console.accounts.provider.provider_accounts import find_account
from console.accounts.provider.provider_http import ProviderUnavailable
from console.web.page_errors import NotFound
from console.web.page_request import PageRequest
from console.web.pages.login import sign_in_page
from console.web.pages.signin.code import enter
from console.web.redirects import local_path
from console.web.responses import Answer, Departure
from shared.vocabulary import AccessEvent

_LEAVING, _RETURNING = "to the provider from", "back from the provider to"


def leave(request: PageRequest) -> Answer:
    """Sends the browser to the provider. It changes nothing but what waits for its return."""
    provider, key = _provider(request), request.services.settings.secret_key
    back = local_path(request.query.get("next", "/"))
    try:
        count_attempt(request.connection, origin_limits(key, _LEAVING, request.address))
        begun = provider.begin()
    except (ProviderUnavailable, TooManyAttempts) as error:
        return sign_in_page(request, back, error)
    origin = request.address, back
    sealed = seal_begun(key, request.secret, begun, origin, request.services.clock())
    return Departure(begun.address, sealed)


def arrive(request: PageRequest) -> Answer:
    """Signs in whom the provider has authenticated, if an account fits.

    A return is an attempt of its own: one sign-in may come back any number of times, and each is a
    call of the provider. Those that succeed are forgiven, as the one that began is.
    """
    provider, query, back = _provider(request), request.query, "/"
    key, now_ms = request.services.settings.secret_key, request.services.clock()
    limits = origin_limits(key, _RETURNING, request.address)
    try:
        begun = open_begun(key, request.secret, request.begun, query.get("state"), now_ms)
        back = begun.back
        if not query.get("code"):
            raise ProviderRefused("The sign-in service did not let you in.")
        count_attempt(request.connection, limits)
        identity = provider.finish(query.get("code"), begun.nonce, begun.verifier, query.get("iss"))
        person = find_account(request.connection, identity)
    except (ProviderRefused, ProviderUnavailable, TooManyAttempts) as error:
        request.note_access(AccessEvent.PROVIDER_REFUSED)
        return sign_in_page(request, back, error)
    forgive_attempt(request.connection, [*origin_limits(key, _LEAVING, begun.address), *limits])
    return enter(request, person, back, by_provider=True)


def _provider(request: PageRequest) -> Provider:
    """Returns the provider of the installation. Raises NotFound if there is none."""
    provider = request.services.provider
    if provider is None:
        raise NotFound
    return provider
