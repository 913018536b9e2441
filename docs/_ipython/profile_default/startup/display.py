# How tables and figures of the pages are shown; results are not changed.
import pandas as pd

pd.set_option("display.precision", 3)
