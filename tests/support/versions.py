"""Recordings of what programs of earlier versions wrote into Redis, never regenerated.

Recorded from the code before the Adjust dialect. A test that reads them proves that old and new
programs can run side by side; a change of a format adds a recording, and keeps these.
"""

from base64 import b64decode

# Three events: a click of link 7, an open of the user attributed to it, a purchase with every
# field.
EVENTS = b64decode(
    "k9wAFcQQAZt8qY8ucACAAAAAAAAAAc8AAAGbfKmPLgEBqnByb2R1Y3Rpb26lY2xpY2umL2NsaWNroKDAwKsyMDMu"
    "MC4xMTMuN9k2TW96aWxsYS81LjAgKGlQaG9uZTsgQ1BVIGlQaG9uZSBPUyAxN180IGxpa2UgTWFjIE9TIFgpwMDA"
    "wIGoY2FtcGFpZ26mc3ByaW5np2NsaWNrLTEHgaRpZGZh2SQxMTExMTExMS0yMjIyLTQzMzMtODQ0NC01NTU1NTU1"
    "NTU1NTXcABXEEAGbfKmPLnAAgAAAAAAAAALPAAABm3yqeY4BAapwcm9kdWN0aW9upG9wZW6pL3Bvc3RiYWNrszAw"
    "MDAtQUFBQS1CQkJCLUNDQ0OmX19vcGVuwMDAwMDAwMCAwMCBpGlkZmHZJDExMTExMTExLTIyMjItNDMzMy04NDQ0"
    "LTU1NTU1NTU1NTU1NdwAFcQQAZt8qY8ucACAAAAAAAAAA88AAAGbfKtj7gEBqnByb2R1Y3Rpb26lZXZlbnSpL3Bv"
    "c3RiYWNrszAwMDAtQUFBQS1CQkJCLUNDQ0OocHVyY2hhc2XPAAABm3yrYAanb3JkZXItMasyMDMuMC4xMTMuN6hT"
    "aG9wLzEuMKU0Mi41MKNFVVKjMS41q3siaXRlbXMiOjJ9gaVzaGVsZqV1cHBlcqdjbGljay0xwIA="
)
EVENT_COUNT = 3

# One token of app 1, one link. Version 7.
SNAPSHOT = b64decode(
    "hKd2ZXJzaW9uB6lrZXlfY2hlY2vEIGNjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjpmdyYW50c4HEIGRk"
    "ZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkkwEBqnByb2R1Y3Rpb26lbGlua3OBkqIxMqIzNJMHAbxodHRw"
    "czovL3Nob3AuZXhhbXBsZS93ZWxjb21l"
)
