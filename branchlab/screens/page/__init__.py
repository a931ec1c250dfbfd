"""What teachers see: the map, the charts, the story, and the bar with all that can be done."""
