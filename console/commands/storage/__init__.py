"""The commands that save an installation and bring it back: `waybill backup`, `waybill restore`."""
