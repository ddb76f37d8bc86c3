"""Times as staff compare them: day first, 24 hours, seconds; all UTC."""

DATE_FORMAT = "j M Y"
DATETIME_FORMAT = "j M Y H:i:s"
TIME_FORMAT = "H:i:s"
