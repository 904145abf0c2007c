"""How well `onoma audit` and `onoma calibrate` keep what they say, on truth unseen by them."""
