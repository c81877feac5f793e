package dev.millrace.catalog;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What {@code --model} names: an entry of the catalogue, a .gguf file, {@code
 * hf:owner/repo/file.gguf}, or {@code synthetic:SHAPE[:TYPE]}.
 */
public sealed interface ModelReference {
  /** What a reference can be, for messages. */
  String FORMS =
      "a name from the catalogue, a path to a .gguf, hf:owner/repo/file.gguf, or"
          + " synthetic:SHAPE[:TYPE]";

  record Named(String name) implements ModelReference {}

  record LocalFile(Path path) implements ModelReference {}

  /**
   * A file of a Hugging Face repository. The names become parts of a path and of an address, so
   * they hold no more than such names need: nothing that could lead out of a folder.
   *
   * @param file may lie in folders: {@code q4/model.gguf}
   */
  record HuggingFace(String owner, String repository, String file) implements ModelReference {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,199}");
    private static final int MAX_FOLDERS = 8;

    public HuggingFace {
      List<String> path = Arrays.asList(file.split("/", -1));
      if (!isName(owner)
          || !isName(repository)
          || path.size() > MAX_FOLDERS
          || !path.stream().allMatch(HuggingFace::isName)
          || !file.endsWith(SUFFIX)) {
        throw new ModelUnavailableException(
            "hf:"
                + owner
                + "/"
                + repository
                + "/"
                + file
                + " isn't hf:owner/repo/file.gguf with names of letters, digits, '.', '_' and '-'");
      }
    }

    private static boolean isName(String text) {
      return NAME.matcher(text).matches();
    }
  }

  /**
   * @param type of the weights; empty is the shape's own default
   */
  record Synthetic(String shape, Optional<String> type) implements ModelReference {}

  /** How GGUF files' names end. */
  String SUFFIX = ".gguf";

  /**
   * Reads a reference; an empty one is the catalogue's default.
   *
   * @throws ModelUnavailableException if it has none of {@link #FORMS}
   */
  static ModelReference parse(String text) {
    if (text.isEmpty()) {
      return new Named(CatalogEntry.DEFAULT.name());
    }
    if (text.startsWith("hf:")) {
      String[] parts = text.substring("hf:".length()).split("/", 3);
      if (parts.length < 3) {
        throw new ModelUnavailableException(text + " isn't hf:owner/repo/file.gguf");
      }
      return new HuggingFace(parts[0], parts[1], parts[2]);
    }
    if (text.startsWith("synthetic:")) {
      String[] parts = text.split(":", -1);
      if (parts.length > 3) {
        throw new ModelUnavailableException(text + " isn't synthetic:SHAPE[:TYPE]");
      }
      return new Synthetic(parts[1], parts.length == 3 ? Optional.of(parts[2]) : Optional.empty());
    }
    if (text.endsWith(SUFFIX) || text.contains("/") || text.contains("\\")) {
      try {
        return new LocalFile(Path.of(text));
      } catch (InvalidPathException e) {
        throw new ModelUnavailableException("not a path: " + e.getMessage(), e);
      }
    }
    return new Named(text);
  }
}
