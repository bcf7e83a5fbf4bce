"""Many recorders on one page: boxes connect to a hub, send it their history, and answer its requests.

A box is a recorder that has joined a hub. Nothing here decodes video, and recording depends on none of it.
"""
