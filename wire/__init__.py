"""What the controller and a gateway agree on: messages, topics, signatures and the way to the broker."""
