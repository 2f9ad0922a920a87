"""What gunicorn adds to every answer and bears of every request, wherever it is started from this folder."""

from gunicorn.http import wsgi

# Which server answers, and of what version, is nobody's business.
wsgi.SERVER = "vigie"

# Longer than any address or header of ours; what is longer is refused before it is kept.
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190
# A header with an underscore would pass for one of the proxy's with a hyphen.
header_map = "drop"
