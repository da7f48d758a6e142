"""What the management canister of a larger network offers: what it tells of subnets, and what this one has not.

A network of one node has neither keys shared among nodes nor other networks to ask; such calls are rejected with the
words of a subnet that does not offer them either, and with what to use instead.
"""

from typing import NoReturn

from orchestrator.replica.management.context import Answer, Argument, Context, principal_of
from orchestrator.replica.messages import Call
from orchestrator.replica.rejects import Reason, RejectedError, reject

__all__ = ["REFUSED", "list_canisters", "node_metrics_history", "refuse_method", "subnet_info"]

REFUSED = {
    "bitcoin_get_balance": Reason.NO_BITCOIN,
    "bitcoin_get_block_headers": Reason.NO_BITCOIN,
    "bitcoin_get_current_fee_percentiles": Reason.NO_BITCOIN,
    "bitcoin_get_utxos": Reason.NO_BITCOIN,
    "bitcoin_send_transaction": Reason.NO_BITCOIN,
    "ecdsa_public_key": Reason.NO_KEYS,
    "http_request": Reason.NO_OUTCALLS,
    "schnorr_public_key": Reason.NO_KEYS,
    "sign_with_ecdsa": Reason.NO_KEYS,
    "sign_with_schnorr": Reason.NO_KEYS,
    "vetkd_derive_key": Reason.NO_KEYS,
    "vetkd_public_key": Reason.NO_KEYS,
}
"""The methods that are rejected whatever they are asked, and why."""
_REPLICA_VERSION = "embedded"
_REGISTRY_VERSION = 1


def refuse_method(context: Context, call: Call, argument: Argument) -> NoReturn:  # noqa: ARG001 # the shape of every method
    """Say that the network does not offer a method."""
    raise RejectedError(reject(REFUSED[call.method], method=call.method))


def subnet_info(context: Context, call: Call, argument: Argument) -> Answer:  # noqa: ARG001 # the shape of every method
    """Tell the versions of the network's one subnet."""
    _check_subnet(context, argument)
    return Answer(({"replica_version": _REPLICA_VERSION, "registry_version": _REGISTRY_VERSION},))


def node_metrics_history(context: Context, call: Call, argument: Argument) -> Answer:  # noqa: ARG001 # the shape of every method
    """Tell that no metrics of the one node were ever sampled."""
    _check_subnet(context, argument)
    return Answer(([],))


def list_canisters(context: Context, call: Call, argument: Argument) -> NoReturn:  # noqa: ARG001 # the shape of every method
    """Refuse: it is for subnet admins, and there are none."""
    raise RejectedError(reject(Reason.NO_SUBNET_ADMINS, caller=call.caller, method=call.method))


def _check_subnet(context: Context, argument: Argument) -> None:
    wanted, own = principal_of(argument, "subnet_id"), context.environment.subnet_id
    if wanted != own:
        raise RejectedError(reject(Reason.SUBNET_NOT_FOUND, subnet=wanted, own=own))
