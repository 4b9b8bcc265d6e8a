"""What people keep, not channels: where an item lies and which barcode it bears, read from their spreadsheets."""
