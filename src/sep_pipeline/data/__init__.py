"""From MIDI files and foreign data sets to measured tracks and the examples that training draws from them."""
