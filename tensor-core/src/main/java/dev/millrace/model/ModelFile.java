package dev.millrace.model;

import java.util.Map;
import java.util.Optional;

/**
 * An opened model, whatever its format: metadata by GGUF's keys, tensors by GGUF's names. The
 * tensors' memory is valid until it is closed.
 */
public interface ModelFile extends AutoCloseable {
  /** For messages and listings. */
  String name();

  Metadata metadata();

  /** In the file's order. */
  Map<String, TensorData> tensors();

  default Optional<TensorData> find(String tensor) {
    return Optional.ofNullable(tensors().get(tensor));
  }

  /** SHA-256 of the weights file in lower-case hex; of the recipe, where there is no file. */
  String fingerprint();

  @Override
  void close();
}
