"""Words of postings that ask interns to work for nothing, to pay, or to leave Sibol, in Filipino and
English. Whoever writes them meets a moderator first; nobody is refused by a pattern."""

import re

UNPAID = (
    r"unpaid (?:trial|test|task|internship|training|period|work|position)",
    r"(?:free|no[- ]pay) trial (?:work|task|period|project)",
    r"work (?:for )?free|work for (?:nothing|exposure|experience only)",
    r"paid in exposure|exposure only|experience only",
    r"without (?:pay|compensation)|no (?:pay|salary|compensation)",
    r"walang (?:bayad na|sahod|sweldo|suweldo)",
    r"(?:libre|libreng) (?:trabaho|serbisyo|pagtatrabaho)",
    r"(?:babayaran|bayad) (?:ka )?(?:lang |lamang )?kapag (?:pumasa|nagustuhan)",
)
FEES = (
    "registration|training|placement|processing|application|enrol+ment|reservation|membership|"
    "onboarding|uniform|medical|orientation"
)
UPFRONT = (
    rf"(?:{FEES}) fees?",
    r"(?:security|refundable|cash) (?:deposit|bond)",
    r"pay (?:us )?(?:first|upfront|in advance)|upfront (?:fee|payment)",
    r"buy (?:your|our|a|the) (?:own )?starter (?:kit|pack)",
    r"magbayad muna|magdeposito muna|maglabas (?:muna )?ng (?:pera|puhunan)",
    r"bayad sa (?:rehistro|pagpaparehistro|pagsasanay|training|uniporme|requirements)",
)
CHANNELS = "telegram|whatsapp|viber|messenger|wechat|signal|skype|facebook|fb|line|imo"
ASK = "contact|message|text|pm|dm|chat|reach|add|find|write"
ASK_FIL = "mag-?(?:text|message|pm|chat|usap)|i-?(?:pm|message|add|chat)|kontakin|tawagan"
PAID = "pay|paid|payment|bayad|babayaran|bayaran"
DIRECTLY = "directly (?:to|by|via|through)|(?:diretso|derecho) sa"
BANKS = "gcash|maya|paymaya|bank|bangko"
ELSEWHERE = (
    rf"(?:{ASK}) (?:me|us|to us) (?:on|at|in|via|through) (?:{CHANNELS})",
    rf"(?:{ASK_FIL})\b[^.!?]{{0,30}}\b(?:sa|on|via) (?:aming |our )?(?:{CHANNELS})",
    r"(?:outside|off) (?:of )?(?:the |this )?(?:platform|sibol)",
    r"sa labas ng (?:sibol|platform)",
    rf"(?:{PAID})\b[^.!?]{{0,30}}\b(?:{DIRECTLY}) (?:your |iyong )?(?:{BANKS})",
)
LINK = r"\b(?:t\.me|wa\.me|m\.me|bit\.ly|tinyurl\.com|forms\.gle)/"
MOBILE = r"(?<!\d)(?:\+63|0)9\d{2}[ -]?\d{3}[ -]?\d{4}(?!\d)"
PHRASE = rf"\b(?:{'|'.join((*UNPAID, *UPFRONT, *ELSEWHERE))})\b"
LURE = re.compile(f"{PHRASE}|{LINK}|{MOBILE}")


def found_in(text: str) -> str | None:
    """The first words of this kind, or None."""
    lure = LURE.search(" ".join(text.casefold().split()))
    return lure[0] if lure else None
