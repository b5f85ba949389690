"""What every HTML page is made of: words for numbers and dates, charts as inline SVG, one layout."""
