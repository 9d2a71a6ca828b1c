"""Pay by any bank: an ISO 20022 payout file (pain.001.001.09) that a person carries to it, and the
result that comes back, as pain.002 or as lines `order id,done|failed,reference or reason`."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from uuid import UUID

from lxml import etree

from services.gateway.payments.providers import Answer, Done, Failed, Pending
from services.gateway.timers.calendar import MANILA
from shared.errors import Invalid

NAME = "bank_file"
SPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
SCHEMA = Path(__file__).with_name("pain.001.001.09.xsd")
LONGEST_REFERENCE = 35
# ISO 20022's names for where an order stands.
ENDS = {"ACSC": "done", "ACCC": "done", "RJCT": "failed", "CANC": "failed"}
BIC_LENGTHS = (8, 11)


@dataclass(frozen=True)
class Debtor:
    """Whose account the money leaves."""

    name: str
    account: str
    bank: str


@dataclass(frozen=True)
class Payee:
    order_id: UUID
    amount: int
    currency: str
    holder: str
    bank: str
    number: str


@dataclass(frozen=True)
class Result:
    order_id: UUID
    answer: Answer


def payout_file(
    message_id: UUID, payees: Sequence[Payee], debtor: Debtor, *, made_at: datetime
) -> bytes:
    """One file of many payments, checked against the standard's own schema."""
    document = etree.Element(_in("Document"), nsmap={None: SPACE})
    start = _add(document, "CstmrCdtTrfInitn")
    _header(_add(start, "GrpHdr"), message_id, payees, debtor, made_at)
    _payments(_add(start, "PmtInf"), message_id, payees, debtor, made_at)
    check(document)
    found: bytes = etree.tostring(
        document, encoding="UTF-8", xml_declaration=True, pretty_print=True
    )
    return found


def check(document: etree._Element) -> None:
    if not _schema().validate(document):
        raise Invalid(f"The payout file would not be valid: {_schema().error_log.last_error}")


@cache
def _schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(SCHEMA, _parser()))


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)


def _header(
    header: etree._Element,
    message_id: UUID,
    payees: Sequence[Payee],
    debtor: Debtor,
    made_at: datetime,
) -> None:
    _add(header, "MsgId", message_id.hex)
    _add(header, "CreDtTm", made_at.astimezone(MANILA).isoformat(timespec="seconds"))
    _totals(header, payees)
    _add(_add(header, "InitgPty"), "Nm", debtor.name)


def _payments(
    batch: etree._Element,
    message_id: UUID,
    payees: Sequence[Payee],
    debtor: Debtor,
    made_at: datetime,
) -> None:
    _add(batch, "PmtInfId", message_id.hex)
    _add(batch, "PmtMtd", "TRF")
    _totals(batch, payees)
    day = _add(batch, "ReqdExctnDt")
    _add(day, "Dt", made_at.astimezone(MANILA).date().isoformat())
    _add(_add(batch, "Dbtr"), "Nm", debtor.name)
    _account(_add(batch, "DbtrAcct"), debtor.account)
    _bank(_add(batch, "DbtrAgt"), debtor.bank)
    _add(batch, "ChrgBr", "DEBT")
    for payee in payees:
        _payment(_add(batch, "CdtTrfTxInf"), payee)


def _payment(payment: etree._Element, payee: Payee) -> None:
    """The order's id comes back with the result."""
    identity = _add(payment, "PmtId")
    _add(identity, "InstrId", payee.order_id.hex)
    _add(identity, "EndToEndId", payee.order_id.hex)
    amount = _add(_add(payment, "Amt"), "InstdAmt", _pesos(payee.amount))
    amount.set("Ccy", payee.currency)
    _bank(_add(payment, "CdtrAgt"), payee.bank)
    _add(_add(payment, "Cdtr"), "Nm", payee.holder)
    _account(_add(payment, "CdtrAcct"), payee.number)


def _totals(parent: etree._Element, payees: Sequence[Payee]) -> None:
    _add(parent, "NbOfTxs", str(len(payees)))
    _add(parent, "CtrlSum", _pesos(sum(payee.amount for payee in payees)))


def _account(account: etree._Element, number: str) -> None:
    _add(_add(_add(account, "Id"), "Othr"), "Id", number)


def _bank(agent: etree._Element, bank: str) -> None:
    institution = _add(agent, "FinInstnId")
    _add(institution, "BICFI" if is_bic(bank) else "Nm", bank)


def is_bic(bank: str) -> bool:
    return len(bank) in BIC_LENGTHS and bank.isascii() and bank.isalnum() and bank.isupper()


def _pesos(centavos: int) -> str:
    return f"{centavos // 100}.{centavos % 100:02}"


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, _in(name))
    child.text = text
    return child


def _in(name: str) -> str:
    return f"{{{SPACE}}}{name}"


def results(raw: bytes) -> list[Result]:
    is_xml = raw.lstrip().startswith(b"<")
    found = list(_of_pain002(raw) if is_xml else _of_lines(raw))
    if not found:
        raise Invalid(
            "No result is in it: send the bank's pain.002, or lines of order id,done|failed."
        )
    return found


def _of_lines(raw: bytes) -> Iterator[Result]:
    try:
        lines = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error):
        raise Invalid("A result is UTF-8 text: order id,done|failed,reference or reason.") from None
    for number, line in enumerate(lines, start=1):
        if line and line != ["order_id", "result", "note"]:
            yield _of_line(number, [*line, "", ""])


def _of_line(number: int, line: Sequence[str]) -> Result:
    order_id, end, note = line[:3]
    try:
        return Result(_order_id(order_id), _answer(end.strip(), note.strip()))
    except ValueError:
        raise Invalid(
            f"Line {number} must read: order id,done|failed,reference or reason."
        ) from None


def _answer(end: str, note: str) -> Answer:
    match end:
        case "done":
            return Done(note or "bank")
        case "failed":
            return Failed(_code(note))
        case _:
            raise ValueError(end)


def _code(note: str) -> str:
    """A reason is a code: what a bank writes may name somebody."""
    found = "".join(letter if letter.isalnum() else "_" for letter in note.lower())
    return f"bank_{found[:8]}" if found.isascii() and found else "bank_refused"


def _of_pain002(raw: bytes) -> Iterator[Result]:
    """Of any version: the names have been the same since the third."""
    try:
        document = etree.fromstring(raw, _parser())
    except etree.XMLSyntaxError as error:
        raise Invalid(f"The result is no well-formed XML: {error.msg}.") from None
    for status in document.iter("{*}TxInfAndSts"):
        yield Result(_order_of(status), _end_of(status))


def _order_of(status: etree._Element) -> UUID:
    found = status.findtext("{*}OrgnlEndToEndId") or ""
    try:
        return _order_id(found)
    except ValueError:
        raise Invalid(f"OrgnlEndToEndId {found[:40]!r} is no order of ours.") from None


def _end_of(status: etree._Element) -> Answer:
    match ENDS.get(status.findtext("{*}TxSts") or ""):
        case "done":
            reference = status.findtext("{*}AcctSvcrRef") or status.findtext("{*}StsId")
            return Done((reference or "bank")[:LONGEST_REFERENCE])
        case "failed":
            return Failed(_code(status.findtext("{*}StsRsnInf/{*}Rsn/{*}Cd") or ""))
        case _:
            return Pending()


def _order_id(text: str) -> UUID:
    return UUID(text.strip())
