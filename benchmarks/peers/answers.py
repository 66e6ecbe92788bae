"""Predictions: a NumPy array in, a NumPy array of probabilities out."""

import warnings
from importlib import import_module
from typing import Any

import numpy as np
from tasks import Data, FloatArray, Task, make_mlp


class Estimator:
    """`throughline.MLPClassifier.predict_proba`: any rows in, checked, both columns out."""

    epsilon_inside = False
    module = "throughline"

    def __init__(self, task: Task, data: Data) -> None:
        kind = import_module(self.module).MLPClassifier
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one epoch is not enough, it says
            labels = np.arange(32) % 2
            model = kind(task.sizes[1:-1], max_iter=1).fit(np.zeros((32, task.sizes[0]), data.X.dtype), labels)
        for array, given in zip(
            model.coefs_ + model.intercepts_, data.parameters[::2] + data.parameters[1::2], strict=True
        ):
            array[...] = given
        self._X, self._answer = data.X, model.predict_proba

    @staticmethod
    def candidates(task: Task) -> list[dict[str, Any]]:
        """Return the one way there is."""
        return [{}]

    def run(self, n: int) -> None:
        """Answer n times."""
        answer, X = self._answer, self._X
        for _ in range(n):
            answer(X)

    def result(self) -> list[FloatArray]:
        """Return the probabilities of the last class."""
        return [self._answer(self._X)[:, -1:]]


class Readable(Estimator):
    """`throughline.scratch.MLP.predict_proba`."""

    def __init__(self, task: Task, data: Data) -> None:
        self._X, self._answer = data.X, make_mlp(task, data).predict_proba


class ScikitLearn(Estimator):
    """scikit-learn's."""

    module = "sklearn.neural_network"


class OnnxRuntime(Estimator):
    """`onnxruntime.InferenceSession.run`, on one thread."""

    def __init__(self, task: Task, data: Data) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = ort.InferenceSession(_onnx(task, data), options, providers=["CPUExecutionProvider"])
        self._X, self._answer = data.X, lambda X: session.run(None, {"X": X})[0]


class TorchEager(Estimator):
    """A Sequential in inference mode."""

    def __init__(self, task: Task, data: Data) -> None:
        import torch
        from torch import nn

        torch.set_num_threads(1)
        model = nn.Sequential()
        for kernel, bias in zip(data.parameters[::2], data.parameters[1::2], strict=True):
            linear = nn.Linear(*kernel.shape)
            linear.load_state_dict({"weight": torch.tensor(kernel.T), "bias": torch.tensor(bias)})
            model += nn.Sequential(linear, nn.ReLU())
        model[-1] = nn.Sigmoid()
        model.eval()

        @torch.inference_mode()
        def answer(X: Any) -> Any:
            return model(torch.from_numpy(X)).numpy()

        self._X, self._answer = data.X, answer


def _onnx(task: Task, data: Data) -> bytes:
    """Return the network as an ONNX model."""
    import onnx
    from onnx import helper, numpy_helper

    nodes, last = [], "X"
    n_layers = len(data.parameters) // 2
    for i in range(n_layers):
        nodes.append(helper.make_node("Gemm", [last, f"p{2 * i}", f"p{2 * i + 1}"], [f"z{i}"]))
        last = "p" if i == n_layers - 1 else f"a{i}"
        nodes.append(helper.make_node("Sigmoid" if i == n_layers - 1 else "Relu", [f"z{i}"], [last]))
    graph = helper.make_graph(
        nodes,
        "mlp",
        [helper.make_tensor_value_info("X", onnx.TensorProto.FLOAT, ["n", task.sizes[0]])],
        [helper.make_tensor_value_info("p", onnx.TensorProto.FLOAT, ["n", task.sizes[-1]])],
        [numpy_helper.from_array(array, f"p{i}") for i, array in enumerate(data.parameters)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content
