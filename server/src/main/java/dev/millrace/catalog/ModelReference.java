package dev.millrace.catalog;

/**
 * What {@code --model} names: an entry of the catalogue, a .gguf file, {@code
 * hf:owner/repo/file.gguf}, or {@code synthetic:SHAPE[:TYPE]}.
 */
public sealed interface ModelReference {
  record Named(String name) implements ModelReference {}

  record LocalFile(java.nio.file.Path path) implements ModelReference {}

  record HuggingFace(String owner, String repository, String file) implements ModelReference {}

  record Synthetic(String shape, String type) implements ModelReference {}
}
