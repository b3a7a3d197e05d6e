using System.Diagnostics;

namespace PerfCompare.Agent.Flavours;

/// <summary>
/// A known slowness for self-tests: a wait before each model call, above the transport, so that it
/// shows up in the framework's share and nowhere else.
/// </summary>
internal sealed class ModelDelay(double milliseconds)
{
    // A timer wakes up to about a millisecond late; the rest is spun.
    private static readonly TimeSpan s_spun = TimeSpan.FromMilliseconds(2);

    private readonly TimeSpan _delay = TimeSpan.FromMilliseconds(milliseconds);

    public bool IsNone => _delay == TimeSpan.Zero;

    public ValueTask WaitAsync(CancellationToken cancellationToken) =>
        IsNone ? default : new(SpendAsync(cancellationToken));

    private async Task SpendAsync(CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        if (_delay > s_spun)
        {
            await Task.Delay(_delay - s_spun, cancellationToken).ConfigureAwait(false);
        }

        while (Stopwatch.GetElapsedTime(started) < _delay)
        {
            cancellationToken.ThrowIfCancellationRequested();

            // The calls beside this one go on meanwhile.
            await Task.Yield();
        }
    }
}
