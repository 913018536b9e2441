"""Audits of published summaries: can the printed means, SDs, n and p-values all be true?"""

from msclong.published.audit import audit
from msclong.published.audit_paired import audit_paired
from msclong.published.grim import Grim, Grimmer, grim, grimmer
from msclong.published.holm import holm
from msclong.published.paired_audit import PairedAudit
from msclong.published.paired_t import hedges_gz
from msclong.published.reconstruct import reconstruct

__all__ = [
    "Grim",
    "Grimmer",
    "PairedAudit",
    "audit",
    "audit_paired",
    "grim",
    "grimmer",
    "hedges_gz",
    "holm",
    "reconstruct",
]
