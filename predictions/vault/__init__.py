"""Files encrypted at rest: how one is laid out (``container``) and which keys open it (``keys``)."""
