# Kernels that run the pages: no history file, figures as SVG, and no word about the loopback connection.
c = get_config()  # noqa: F821
c.HistoryManager.enabled = False
c.InlineBackend.figure_formats = {"svg"}
c.IPKernelApp.log_level = "ERROR"
