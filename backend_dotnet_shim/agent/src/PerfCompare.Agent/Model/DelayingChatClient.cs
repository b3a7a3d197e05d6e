using System.Diagnostics;
using Microsoft.Extensions.AI;

namespace PerfCompare.Agent.Model;

/// <summary>
/// A known slowness for self-tests: it waits before the inner client is called, so that the delay
/// shows up in the framework's share and nowhere else.
/// </summary>
internal sealed class DelayingChatClient(IChatClient inner, TimeSpan delay) : DelegatingChatClient(inner)
{
    // A timer wakes up to about a millisecond late; the rest is spun.
    private static readonly TimeSpan s_spun = TimeSpan.FromMilliseconds(2);

    public override async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages,
        ChatOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        var started = Stopwatch.GetTimestamp();
        if (delay > s_spun)
        {
            await Task.Delay(delay - s_spun, cancellationToken).ConfigureAwait(false);
        }

        while (Stopwatch.GetElapsedTime(started) < delay)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Thread.SpinWait(20);
        }

        return await base.GetResponseAsync(messages, options, cancellationToken).ConfigureAwait(false);
    }
}
