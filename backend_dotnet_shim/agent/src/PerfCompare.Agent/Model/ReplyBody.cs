namespace PerfCompare.Agent.Model;

/// <summary>Reads a reply to its end into one buffer, up to a cap.</summary>
internal static class ReplyBody
{
    public const int MaxBytes = 16 * 1024 * 1024;

    private const int FirstBufferBytes = 4 * 1024;

    /// <exception cref="ReplyTooLargeException">The body has more than 16 MiB.</exception>
    public static async Task<ArraySegment<byte>> ReadAsync(
        HttpContent content,
        CancellationToken cancellationToken)
    {
        if (content.Headers.ContentLength > MaxBytes)
        {
            throw new ReplyTooLargeException();
        }

        var stream = await content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);

        // One byte more than announced, so that the end is seen without growing the buffer.
        var buffer = new byte[(int?)content.Headers.ContentLength + 1 ?? FirstBufferBytes];
        var length = 0;
        int read;
        while ((read = await stream.ReadAsync(buffer.AsMemory(length), cancellationToken).ConfigureAwait(false)) > 0)
        {
            length += read;
            if (length > MaxBytes)
            {
                throw new ReplyTooLargeException();
            }

            if (length == buffer.Length)
            {
                Array.Resize(ref buffer, buffer.Length * 2);
            }
        }

        return new(buffer, 0, length);
    }
}
