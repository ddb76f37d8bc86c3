"""The sandbox: a local Telegram, a play-money provider and a page with two phones, in one process."""
