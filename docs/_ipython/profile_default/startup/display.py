# How tables, figures and errors of the pages are shown; results are not changed.
import textwrap

import pandas as pd

from msclong.errors import MsclongError

pd.set_option("display.precision", 3)


def message_alone(error):
    """IPython asks an error itself for its lines: what it says, not through which files of this machine it came."""
    told = f"{type(error).__name__}: {error}"
    return textwrap.wrap(told, 88, break_long_words=False, break_on_hyphens=False)


MsclongError._render_traceback_ = message_alone
