"""All that runs on the measuring side: Python 3.10 or newer, numpy, psutil and one runtime; imports nothing above."""
