"""A Keras 3 model of the user's, as every runtime can train it.

The model serves as a function of its variables (``stateless_call``): those that are trained are
made by the runtime, read once a step and pushed once, like any workload's. What a model keeps
besides them, moving means and random seeds, stays as it was at first. Its optimizer becomes
TensorFlow's fused update of the same name and numbers.
"""

from __future__ import annotations

from typing import Any

from nworkers.calibrate.tensorflow.update_rule import UpdateRule
from nworkers.calibrate.tensorflow.workload_graph import TRAINABLE
from nworkers.calibrate.training.user_function import call, check_name
from nworkers.models.base.errors import HardwareError
from nworkers.models.records.workload import Variable, Workload

OPTION = "--model"
_ALLOWED = (
    "module:function, a function without arguments that returns (model, loss, optimizer) or "
    "(model, loss, optimizer, dataset of samples (x, y))"
)
SEED = 7


def check_model(text: str) -> str:
    """Raises: InputError unless the text can name a function; nothing is imported."""
    return check_name(OPTION, text, _ALLOWED)


def described(name: str) -> Workload:
    """The model behind ``module:function``, of whose compute time nothing is known yet."""
    model = UserModel(name, 1, 1)
    return Workload(name, tuple(model.variables), optimizer=model.rule.name)


class UserModel:
    """The model behind ``module:function``, built anew, with a worker's batch.

    It is made outside of any graph: a dataset can be read nowhere else.
    """

    def __init__(self, name: str, batch: int, seed: int) -> None:
        import keras
        import tensorflow as tf

        self._name = name
        keras.utils.set_random_seed(SEED)  # every task starts from the same values
        made = call(OPTION, name)
        if not isinstance(made, tuple) or len(made) not in (3, 4):
            raise self._error(f"it returned {type(made).__name__}; wanted: {_ALLOWED}")
        self._model, loss, optimizer, dataset = (*made, None)[:4]
        if not isinstance(self._model, keras.Model):
            raise self._error(f"the model is a {type(self._model).__name__}, none of Keras 3")
        if not self._model.built:
            raise self._error("the model is not built; give it a keras.Input or call build()")
        self._loss = keras.losses.get(loss)
        self.rule = self._rule(keras.optimizers.get(optimizer))
        trained = self._model.trainable_variables
        if not trained:
            raise self._error("the model has no trainable variables")
        self.names = [v.path.replace("/", "_") for v in trained]
        self._initial = [v.numpy() for v in trained]
        self._state = [v.numpy() for v in self._model.non_trainable_variables]
        self._batch = (
            self._random(batch, seed) if dataset is None else self._samples(dataset, batch, seed)
        )
        self._arrays = tf.nest.flatten(self._batch)

    @property
    def variables(self) -> list[Variable]:
        """Its trainable variables, as a workload has them."""
        found = []
        for v in self._model.trainable_variables:
            if v.dtype not in TRAINABLE:
                raise self._error(f"variable {v.path} is {v.dtype}")
            found.append(Variable(v.path, tuple(int(n) for n in v.shape), v.dtype))
        return found

    def require(self, workload: Workload) -> None:
        """Raise HardwareError unless the workload that is predicted has the model's variables."""
        have = [(v.shape, v.dtype) for v in self.variables]
        wanted = [(v.shape, v.dtype) for v in workload.variables]
        if have != wanted:
            raise self._error(
                f"its {len(have)} variables are not the {len(wanted)} of workload {workload.name}; "
                "--write-workload writes the file that describes it"
            )

    def initial(self, k: int) -> Any:
        import tensorflow as tf

        return tf.constant(self._initial[k])

    def inputs(self) -> list[Any]:
        """A batch of the dataset's, another for each worker; without one, random numbers."""
        import tensorflow as tf

        return [tf.constant(array) for array in self._arrays]

    def differentiate(self, values: list[Any], inputs: list[Any]) -> tuple[Any, list[Any]]:
        import tensorflow as tf

        x, y = tf.nest.pack_sequence_as(self._batch, inputs)
        state = [tf.constant(array) for array in self._state]
        outputs, _ = self._model.stateless_call(values, state, x, training=True)
        loss = tf.reduce_mean(self._loss(y, outputs))
        gradients = tf.gradients(loss, values)
        for name, gradient in zip(self.names, gradients, strict=True):
            if gradient is None:
                raise self._error(f"the loss does not depend on variable {name}")
        return loss, [tf.convert_to_tensor(gradient) for gradient in gradients]

    def _samples(self, dataset: Any, batch: int, seed: int) -> Any:
        skipped = dataset.repeat().skip(batch * (seed - 1)).batch(batch)
        for arrays in skipped.take(1).as_numpy_iterator():
            if not isinstance(arrays, tuple) or len(arrays) != 2:
                raise self._error("its dataset's samples are no pairs (x, y)")
            return arrays
        raise self._error("its dataset holds no sample")

    def _random(self, batch: int, seed: int) -> Any:
        import keras
        import numpy as np

        shapes = self._model.input_shape, self._model.output_shape
        if not all(isinstance(s, tuple) and all(isinstance(n, int) for n in s[1:]) for s in shapes):
            raise self._error("its inputs are not one tensor of known shape: return a dataset too")
        chance = np.random.default_rng(seed)
        x = chance.standard_normal((batch, *shapes[0][1:])).astype("float32")
        *kept, classes = shapes[1][1:]
        labels = chance.integers(0, classes, (batch, *kept))
        if isinstance(self._loss, keras.losses.SparseCategoricalCrossentropy):
            return x, labels.astype("int64")  # of int32 a GPU holds no variables
        if isinstance(self._loss, keras.losses.CategoricalCrossentropy):
            return x, np.eye(classes, dtype="float32")[labels]
        return x, chance.integers(0, 2, (batch, *shapes[1][1:])).astype("float32")

    def _rule(self, optimizer: Any) -> UpdateRule:
        import keras

        rate = float(optimizer.learning_rate)
        kind = type(optimizer)
        if kind is keras.optimizers.SGD and not optimizer.nesterov:
            momentum = float(optimizer.momentum)
            return UpdateRule("momentum" if momentum else "sgd", rate, momentum)
        if kind is keras.optimizers.Adam and not optimizer.amsgrad:
            return UpdateRule(
                "adam",
                rate,
                beta_1=float(optimizer.beta_1),
                beta_2=float(optimizer.beta_2),
                epsilon=float(optimizer.epsilon),
            )
        raise self._error(
            f"optimizer {kind.__name__} is none that scale trains with: SGD (no Nesterov) or Adam"
        )

    def _error(self, words: str) -> HardwareError:
        return HardwareError(f"{OPTION} {self._name}: {words}")
