package dev.millrace.trace;

import dev.millrace.tensor.Matrix;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Predicate;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Writes one step's tensors, those whose names are wanted, into a file for {@code numpy.load}: a
 * zip of NumPy files, in the network's order.
 */
public final class NpzProbe implements Probe, Closeable {
  private final ZipOutputStream zip;
  private final Predicate<String> wanted;

  public NpzProbe(Path file, Predicate<String> wanted) throws IOException {
    this(Files.newOutputStream(file), wanted);
  }

  NpzProbe(OutputStream out, Predicate<String> wanted) {
    zip = new ZipOutputStream(out);
    zip.setLevel(Deflater.NO_COMPRESSION); // float32 hardly shrinks
    this.wanted = wanted;
  }

  @Override
  public void see(String name, Matrix<?, ?> matrix) {
    if (!wanted.test(name)) {
      return;
    }
    try {
      zip.putNextEntry(new ZipEntry(name + Npy.SUFFIX));
      Npy.write(matrix, zip);
      zip.closeEntry();
    } catch (IOException e) {
      throw new UncheckedIOException("can't write tensor " + name + ": " + e.getMessage(), e);
    }
  }

  @Override
  public void close() throws IOException {
    zip.close();
  }
}
