"""Worker processes: cases that may run beside others are spread over them."""
