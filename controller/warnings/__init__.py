"""Prepared warnings: bulletins that every gateway of their area keeps, so that a tiny order starts them."""
