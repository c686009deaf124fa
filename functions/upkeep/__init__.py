"""One module per schedule or EventBridge rule."""
