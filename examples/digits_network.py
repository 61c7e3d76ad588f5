"""A two-layer network on scikit-learn's handwritten digits, in plain NumPy, with a dict of parameters.

The network and its training loop are `wengert.demo.digits`, which is meant to be read; this file trains it and looks at
what it learned. Needs scikit-learn: pip install "wengert[demo]".
"""

import numpy as np

from wengert.demo import digits

images = digits.data()
network = digits.train(images)
answers = digits.predictions(network.parameters, images.test_images)
right = answers == images.test_labels

print(f"trained on {len(images.train_labels)} digits, asked about {len(right)} others")
for digit in range(10):
    asked = images.test_labels == digit
    misread = ", ".join(f"as {answer}" for answer in answers[asked & ~right])
    print(f"  {digit}: {np.sum(asked & right):2} of {np.sum(asked):2} right {misread and f'  misread {misread}'}")
print(f"accuracy {np.mean(right):.2%}")
assert np.mean(right) >= digits.TARGET
