package dev.millrace.trace;

import dev.millrace.tensor.Matrix;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Predicate;

/**
 * Writes the tensors whose names are wanted into a folder, one NumPy file each ({@code
 * blk.3.attn_norm.npy}), for {@code numpy.load}. A later step overwrites an earlier one's.
 *
 * @param folder exists
 */
public record NpyProbe(Path folder, Predicate<String> wanted) implements Probe {
  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0}; // version 1.0
  private static final int HEADER_ALIGNMENT = 64;

  @Override
  public void see(String name, Matrix<?, ?> matrix) {
    if (!wanted.test(name)) {
      return;
    }
    try (OutputStream out = Files.newOutputStream(folder.resolve(name + ".npy"))) {
      out.write(header(matrix.rows(), matrix.columns()));
      for (int row = 0; row < matrix.rows(); row++) {
        out.write(bytes(matrix, row));
      }
    } catch (IOException e) {
      throw new UncheckedIOException("can't write tensor " + name + " into " + folder, e);
    }
  }

  private static byte[] header(int rows, int columns) {
    String text =
        "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }".formatted(rows, columns);
    int before = MAGIC.length + Short.BYTES;
    int length = Math.ceilDiv(before + text.length() + 1, HEADER_ALIGNMENT) * HEADER_ALIGNMENT;
    String padded = text + " ".repeat(length - before - text.length() - 1) + "\n";
    return ByteBuffer.allocate(length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(MAGIC)
        .putShort((short) padded.length())
        .put(padded.getBytes(StandardCharsets.US_ASCII))
        .array();
  }

  private static byte[] bytes(Matrix<?, ?> matrix, int row) {
    ByteBuffer bytes =
        ByteBuffer.allocate(matrix.columns() * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes
        .asFloatBuffer()
        .put(
            matrix
                .data()
                .asSlice((long) row * bytes.capacity(), bytes.capacity())
                .toArray(ValueLayout.JAVA_FLOAT));
    return bytes.array();
  }
}
