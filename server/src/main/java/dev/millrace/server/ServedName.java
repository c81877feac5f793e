package dev.millrace.server;

import dev.millrace.catalog.ModelReference;

/** The name by which callers ask for a model. */
final class ServedName {
  private ServedName() {}

  /** A catalogue's name as it is; a file's without its folders and its ending. */
  static String of(ModelReference reference) {
    return switch (reference) {
      case ModelReference.Named(String name) -> name;
      case ModelReference.LocalFile(var path) -> stem(path.getFileName().toString());
      case ModelReference.HuggingFace file ->
          stem(file.file().substring(file.file().lastIndexOf('/') + 1));
      case ModelReference.Synthetic(String shape, var type) ->
          "synthetic:" + shape + type.map(name -> ":" + name).orElse("");
    };
  }

  private static String stem(String file) {
    return file.endsWith(ModelReference.SUFFIX)
        ? file.substring(0, file.length() - ModelReference.SUFFIX.length())
        : file;
  }
}
