"""Small Keras models as a user's file would hold them."""

import keras
from keras import layers


def images():
    x = image = keras.Input((12, 12, 3), name="image")
    x = layers.Rescaling(1 / 255)(x)
    x = layers.Conv2D(8, 3, activation="relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(4, activation="softmax", name="classes")(x))


def two_in_two_out():
    left, right = keras.Input((5,), name="left"), keras.Input((3,), name="right")
    joined = layers.Concatenate()([layers.Dense(6, activation="tanh")(left), layers.Dense(6)(right)])
    return keras.Model([left, right], [layers.Dense(3, name="three")(joined), layers.Dense(1, name="one")(joined)])


def dictionaries():
    right, left = keras.Input((3,), name="b"), keras.Input((5,), name="a")
    joined = layers.Concatenate()([layers.Dense(6, activation="tanh")(left), layers.Dense(6)(right)])
    outputs = {"three": layers.Dense(3, name="z")(joined), "one": layers.Dense(1, name="y")(joined)}
    return keras.Model({"right": right, "left": left}, outputs)


def steps():
    x = sequence = keras.Input((6, 4), name="sequence")
    x = layers.LSTM(8)(x)
    return keras.Model(sequence, layers.Dense(2, name="logits")(x))


def incomes():
    table = keras.Input((2,), name="table")
    x = layers.Normalization(mean=[150_000.0, 1975.0], variance=[4e4**2, 12.0**2])(table)
    return keras.Model(table, layers.Dense(3, activation="softmax", name="classes")(layers.Dense(8)(x)))


def not_a_model():
    return 3
