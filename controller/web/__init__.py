"""Pages: server-rendered, live by server-sent events, in Vietnamese and English."""
