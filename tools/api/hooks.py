"""What schemathesis cannot send by itself: an offer is sent as it is."""

import schemathesis

schemathesis.serializer.alias("application/sdp", "text/plain")
