"""What staff look at about messages: finding them, the story of each, how the channels do, how every notice reads."""
